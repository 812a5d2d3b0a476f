-- Authors whose index is being emptied: from now on page by page down from the newest follower.
UPDATE author_standings SET cursor = 9223372036854775807, version = version + 1 WHERE stage = 6;
