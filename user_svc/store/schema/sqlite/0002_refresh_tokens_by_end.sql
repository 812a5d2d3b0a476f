-- A rotation takes away the session's tokens that are past their end, without looking at the others.
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (session_id, expires_us);
DROP INDEX refresh_tokens_by_session;
