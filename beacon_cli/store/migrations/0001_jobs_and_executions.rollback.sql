DROP TABLE executions;
DROP TABLE runs;
DROP TABLE questions;
DROP TABLE jobs;
