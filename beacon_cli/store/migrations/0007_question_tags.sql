-- The tags of a question, by which answers are grouped. A constant default: the table is not rewritten.

ALTER TABLE questions ADD COLUMN IF NOT EXISTS tags text[] NOT NULL DEFAULT '{}';
