BEGIN TRANSACTION;
CREATE TABLE runs (
	run_id VARCHAR(32) NOT NULL, 
	visitor VARCHAR(128) NOT NULL, 
	engine VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	created_at FLOAT NOT NULL, 
	changed_at FLOAT NOT NULL, 
	attempts INTEGER NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	open_key VARCHAR(64), 
	holder VARCHAR(32), 
	held_until FLOAT NOT NULL, 
	image_name VARCHAR(32) NOT NULL, 
	image_sha256 VARCHAR(64) NOT NULL, 
	reference_name VARCHAR(32) NOT NULL, 
	reference_sha256 VARCHAR(64) NOT NULL, 
	choice JSON NOT NULL, 
	own_token BOOLEAN NOT NULL, 
	findings JSON, 
	request_id VARCHAR(128), 
	price JSON, 
	cost_usd FLOAT, 
	result_name VARCHAR(32), 
	result_sha256 VARCHAR(64), 
	result_facts JSON, 
	motion JSON, 
	error TEXT, 
	advice TEXT, 
	raw_error TEXT, 
	PRIMARY KEY (run_id), 
	UNIQUE (open_key)
);
INSERT INTO "runs" VALUES('11111111111111111111111111111111','ann','kling','completed',1795000000.0,1795000009.0,0,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,NULL,0.0,'image.png','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','reference.mp4','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','{"prompt": "A robot", "orientation": "image", "keep_sound": false}',0,'{"verdict": "pass", "headline": "Ready."}','req-old',NULL,0.35,'result.mp4','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{"duration_s": 5.0, "fps": 24.0, "frame_count": 120, "width_px": 720, "height_px": 1280, "has_audio": true, "size_bytes": 9}','{"score": 91.5}',NULL,NULL,NULL);
INSERT INTO "runs" VALUES('22222222222222222222222222222222','ann','kling','unknown',1795000100.0,1795000102.0,1,'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',NULL,0.0,'image.png','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','reference.mp4','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','{"prompt": "A robot", "orientation": "image", "keep_sound": false}',0,'{"verdict": "pass", "headline": "Ready."}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'It is not known.','Look first.',NULL);
INSERT INTO "runs" VALUES('33333333333333333333333333333333','ben','preview','preparing',1795000000.0,1795000000.0,0,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','me',1795000020.0,'image.png','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','reference.mp4','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','{"prompt": "A robot", "orientation": "image", "keep_sound": false}',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE schema_version (
	version INTEGER NOT NULL
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE states (
	id INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "states" VALUES(1,'11111111111111111111111111111111','preparing',1795000000.0);
INSERT INTO "states" VALUES(2,'11111111111111111111111111111111','submitting',1795000001.0);
INSERT INTO "states" VALUES(3,'11111111111111111111111111111111','in_queue',1795000002.0);
INSERT INTO "states" VALUES(4,'11111111111111111111111111111111','in_progress',1795000003.0);
INSERT INTO "states" VALUES(5,'11111111111111111111111111111111','collecting',1795000004.0);
INSERT INTO "states" VALUES(6,'11111111111111111111111111111111','scoring',1795000005.0);
INSERT INTO "states" VALUES(7,'11111111111111111111111111111111','completed',1795000009.0);
INSERT INTO "states" VALUES(8,'22222222222222222222222222222222','preparing',1795000100.0);
INSERT INTO "states" VALUES(9,'22222222222222222222222222222222','submitting',1795000101.0);
INSERT INTO "states" VALUES(10,'22222222222222222222222222222222','unknown',1795000102.0);
INSERT INTO "states" VALUES(11,'33333333333333333333333333333333','preparing',1795000000.0);
CREATE INDEX ix_runs_visitor ON runs (visitor);
CREATE INDEX ix_runs_fingerprint ON runs (fingerprint);
CREATE INDEX ix_runs_state ON runs (state);
CREATE INDEX ix_states_run_id ON states (run_id);
COMMIT;
