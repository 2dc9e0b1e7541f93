-- Who may log in to the API. The hash carries its own algorithm, parameters and salt (argon2id, PHC).
CREATE TABLE users (
  username text COLLATE "C" PRIMARY KEY CHECK (length(username) BETWEEN 1 AND 64),
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
