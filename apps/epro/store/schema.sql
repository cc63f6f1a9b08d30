-- What epro stores, version 2. Times: microseconds since 1970-01-01 UTC. Pseudonyms only: no names, no birth dates.
-- Originals and values are inserted, never changed; the triggers at the end hold everybody to that.
CREATE TABLE studies (
  study_oid   TEXT PRIMARY KEY,
  title       TEXT NOT NULL,
  region      TEXT NOT NULL,
  ack_policy  TEXT NOT NULL,
  definition  TEXT NOT NULL,                    -- the whole study but its patients, canonical JSON
  created_at  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE sites (
  study_oid TEXT NOT NULL REFERENCES studies(study_oid),
  site_id   TEXT NOT NULL,
  country   TEXT NOT NULL,
  tz        TEXT NOT NULL,                      -- IANA name
  PRIMARY KEY (study_oid, site_id)
) WITHOUT ROWID;

CREATE TABLE patients (
  study_oid   TEXT NOT NULL,
  patient_id  TEXT NOT NULL,
  site_id     TEXT,                             -- unknown for who came in by /data/process
  subject_key TEXT NOT NULL,
  status      TEXT NOT NULL CHECK (status IN ('screening','active','completed','withdrawn')),
  row_version INTEGER NOT NULL DEFAULT 1,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (study_oid, patient_id),
  UNIQUE (study_oid, subject_key)
) WITHOUT ROWID;

CREATE TABLE instruments (
  study_oid      TEXT NOT NULL REFERENCES studies(study_oid),
  instrument_oid TEXT NOT NULL,
  version        TEXT NOT NULL,
  definition     TEXT NOT NULL,                 -- canonical JSON
  sha256         BLOB NOT NULL,
  PRIMARY KEY (study_oid, instrument_oid, version)
) WITHOUT ROWID;

-- One row per acknowledged report or vital-sign item: the original.
CREATE TABLE submissions (
  study_oid       TEXT NOT NULL REFERENCES studies(study_oid),
  submission_id   TEXT NOT NULL,                -- made by the client
  receipt_id      TEXT NOT NULL UNIQUE,
  kind            TEXT NOT NULL CHECK (kind IN ('report','vitals')),
  patient_id      TEXT NOT NULL,
  device_id       TEXT,                         -- reports only, as the next two
  device_epoch    INTEGER,
  device_seq      INTEGER,
  instrument_oid  TEXT,
  instrument_ver  TEXT,
  originator      TEXT NOT NULL,                -- empty: it named none, as items of vital signs do not
  captured_at     INTEGER,                      -- the device's clock, never altered; null if it gave no valid time
  captured_tz_min INTEGER,
  sent_at         INTEGER,
  received_at     INTEGER NOT NULL,
  journal_pos     INTEGER NOT NULL,
  journal_ordinal INTEGER NOT NULL,             -- within that frame: a batch is one frame
  payload         BLOB NOT NULL,                -- exactly as received
  payload_sha256  BLOB NOT NULL,
  disposition     TEXT NOT NULL CHECK (disposition IN ('accepted','quarantined')),
  flags           TEXT NOT NULL,                -- words of api.md, separated by blanks
  PRIMARY KEY (study_oid, submission_id),
  UNIQUE (journal_pos, journal_ordinal)
) WITHOUT ROWID;
CREATE INDEX submissions_patient ON submissions(study_oid, patient_id, captured_at);

CREATE TABLE datapoints (
  study_oid      TEXT NOT NULL,
  submission_id  TEXT NOT NULL,
  ordinal        INTEGER NOT NULL,
  version        INTEGER NOT NULL,              -- 1 = original
  patient_id     TEXT NOT NULL,
  code_system    TEXT NOT NULL,
  code           TEXT NOT NULL,
  value_type     TEXT NOT NULL CHECK (value_type IN ('number','text','bool','missing')),
  value_text     TEXT,                          -- as written: 14.0 stays 14.0
  value_num      REAL,
  unit           TEXT,                          -- as written
  std_num        REAL,
  std_unit       TEXT,
  position       TEXT,
  effective_at   INTEGER,
  effective_text TEXT,                          -- as written
  absent_reason  TEXT,
  PRIMARY KEY (study_oid, submission_id, ordinal, version),
  FOREIGN KEY (study_oid, submission_id) REFERENCES submissions(study_oid, submission_id)
) WITHOUT ROWID;

CREATE TABLE quarantine (
  study_oid     TEXT NOT NULL,
  submission_id TEXT NOT NULL,
  code          TEXT NOT NULL,
  pointer       TEXT NOT NULL,                  -- JSON Pointer, never the value
  opened_at     INTEGER NOT NULL,
  PRIMARY KEY (study_oid, submission_id, code, pointer)
) WITHOUT ROWID;

CREATE TABLE alerts (
  alert_id      TEXT PRIMARY KEY,               -- hash of datapoint and rule: a second drain cannot raise it twice
  study_oid     TEXT NOT NULL,
  patient_id    TEXT NOT NULL,
  submission_id TEXT NOT NULL,
  rule_id       TEXT NOT NULL,
  opened_at     INTEGER NOT NULL
) WITHOUT ROWID;

-- Each publication of a study, as it came through the journal.
CREATE TABLE publications (
  journal_pos INTEGER PRIMARY KEY,
  study_oid   TEXT NOT NULL,
  revision    INTEGER NOT NULL,
  sha256      BLOB NOT NULL,                    -- of the journal's entry
  received_at INTEGER NOT NULL
);

-- What was acknowledged and could not become the rows that it should: a person decides. Reasons: 'unreadable' (this epro
-- cannot read what an earlier one took), 'constraint' (the tables refuse it), 'conflict' (another content is stored under
-- its id), 'repeated' (it is stored already, from an earlier place in the journal; it is here to be accounted for).
-- Of a record that cannot be taken apart the first row has all bytes and the others, one for each key, have none.
CREATE TABLE set_aside (
  journal_pos     INTEGER NOT NULL,
  journal_ordinal INTEGER NOT NULL,
  key             BLOB NOT NULL,                -- what the journal knows it by
  entry_type      INTEGER NOT NULL,             -- of the journal's record: 1 study, 2 report, 3 vitals
  reason          TEXT NOT NULL CHECK (reason IN ('unreadable','constraint','conflict','repeated')),
  detail          TEXT NOT NULL,                -- for people; names columns, holds no value
  receipt_id      TEXT,
  received_at     INTEGER NOT NULL,
  payload         BLOB NOT NULL,
  PRIMARY KEY (journal_pos, journal_ordinal)
) WITHOUT ROWID;

-- Written in the same transaction as the rows that it covers: every key of every journal record up to applied_pos has
-- exactly one row in submissions, publications or set_aside.
CREATE TABLE drain_state (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  applied_pos INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,                    -- of the record there: a journal that lost its end may have another one
  journal_id  TEXT NOT NULL
);

CREATE TRIGGER submissions_no_update BEFORE UPDATE ON submissions BEGIN SELECT RAISE(ABORT, 'submissions are immutable'); END;
CREATE TRIGGER submissions_no_delete BEFORE DELETE ON submissions BEGIN SELECT RAISE(ABORT, 'submissions are immutable'); END;
CREATE TRIGGER datapoints_no_update BEFORE UPDATE ON datapoints BEGIN SELECT RAISE(ABORT, 'datapoints are immutable'); END;
CREATE TRIGGER datapoints_no_delete BEFORE DELETE ON datapoints BEGIN SELECT RAISE(ABORT, 'datapoints are immutable'); END;
