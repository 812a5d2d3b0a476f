-- A like keeps its row when it is taken back: id and creation time are those of the first time.
CREATE TABLE likes (
    user_id INTEGER NOT NULL,
    tweet_id INTEGER NOT NULL,
    edge_id INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    op_time_us INTEGER NOT NULL,
    is_live INTEGER NOT NULL,
    PRIMARY KEY (user_id, tweet_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX likers ON likes (tweet_id, edge_id) WHERE is_live = 1;

-- What the events of tweets told. A deleted tweet keeps its row, so that a created event which comes later finds it.
CREATE TABLE tweets (
    tweet_id INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,
    is_live INTEGER NOT NULL
) STRICT;

-- Moved in the same transaction as the rows that they count.
CREATE TABLE tweet_counts (
    tweet_id INTEGER PRIMARY KEY,
    likes_count INTEGER NOT NULL DEFAULT 0,
    replies_count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE author_counts (
    author_id INTEGER PRIMARY KEY,
    tweets_count INTEGER NOT NULL
) STRICT;
