-- A deleted tweet keeps its row, without its text: an insert that comes late must not bring it back.
CREATE TABLE tweets (
    tweet_id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    content TEXT NOT NULL,
    in_reply_to_tweet_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    deleted_us INTEGER
) STRICT;

-- Live tweets only, and with every column that a page of ids looks at (deleted_us too), so that pages never touch rows.
CREATE INDEX live_tweets_by_author ON tweets (user_id, tweet_id, in_reply_to_tweet_id, deleted_us)
    WHERE deleted_us IS NULL;
CREATE INDEX live_tweets_by_parent ON tweets (in_reply_to_tweet_id, tweet_id, deleted_us)
    WHERE deleted_us IS NULL AND in_reply_to_tweet_id <> 0;

-- A client's key and the tweet id it is bound to. There is no state: done means that the tweet's row exists.
CREATE TABLE request_keys (
    user_id INTEGER NOT NULL,
    method TEXT NOT NULL,
    request_key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    tweet_id INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (user_id, method, request_key)
) STRICT;
CREATE INDEX request_keys_by_age ON request_keys (created_us);
