-- A follow keeps its row when it ends: id and creation time are those of the first time.
CREATE TABLE follows (
    follower_id INTEGER NOT NULL,
    followee_id INTEGER NOT NULL,
    edge_id INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    op_time_us INTEGER NOT NULL,
    is_live INTEGER NOT NULL,
    PRIMARY KEY (follower_id, followee_id)
) STRICT, WITHOUT ROWID;

-- The two lists, live follows only, newest first by edge id. They hold the primary key as well, so that pages of ids
-- never touch the rows.
CREATE INDEX followers ON follows (followee_id, edge_id) WHERE is_live = 1;
CREATE INDEX following ON follows (follower_id, edge_id) WHERE is_live = 1;

-- follows_version grows with every change of the user's follows and of following_pull.
CREATE TABLE user_counts (
    user_id INTEGER PRIMARY KEY,
    followers_count INTEGER NOT NULL DEFAULT 0,
    following_count INTEGER NOT NULL DEFAULT 0,
    follows_version INTEGER NOT NULL DEFAULT 0
) STRICT;

-- An author without a row is pushed. Stages 1 (pushed) and 4 (pulled) wait for nothing.
CREATE TABLE author_standings (
    author_id INTEGER PRIMARY KEY,
    stage INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    event_id INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX unsettled_standings ON author_standings (author_id) WHERE stage IN (2, 3, 5, 6);

-- Whom a follower's pages pull: live follows of authors that are not merely pushed.
CREATE TABLE following_pull (
    follower_id INTEGER NOT NULL,
    author_id INTEGER NOT NULL,
    PRIMARY KEY (follower_id, author_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX following_pull_by_author ON following_pull (author_id);
