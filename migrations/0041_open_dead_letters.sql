-- Serves the count of dead letters that wait for a decision, by reason, which the status asks for again and again.
CREATE INDEX dead_letters_open ON dead_letters (reason) WHERE state = 'quarantined';
