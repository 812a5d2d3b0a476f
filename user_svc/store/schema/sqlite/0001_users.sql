-- The keys are what makes names and addresses the same: lower-cased.
CREATE TABLE users (
    user_id INTEGER PRIMARY KEY,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    display_name TEXT NOT NULL,
    bio TEXT NOT NULL,
    location TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;

-- A sign-up's key and the user id it is bound to. There is no state: done means that the account's row exists.
CREATE TABLE request_keys (
    username_key TEXT NOT NULL,
    request_key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (username_key, request_key)
) STRICT;
CREATE INDEX request_keys_by_age ON request_keys (created_us);

CREATE TABLE sessions (
    session_id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    revoked_us INTEGER
) STRICT;
CREATE INDEX sessions_by_end ON sessions (expires_us);

-- Exchanged tokens stay until their own end: one that comes again is how a theft is noticed.
CREATE TABLE refresh_tokens (
    token_hash BLOB PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    expires_us INTEGER NOT NULL,
    exchanged_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
