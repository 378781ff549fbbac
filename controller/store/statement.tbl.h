/*
 * Every SQL statement: STATEMENT(NAME, text). All are prepared when the store is opened.
 */
STATEMENT(BEGIN, "BEGIN IMMEDIATE")
STATEMENT(COMMIT, "COMMIT")
STATEMENT(ROLLBACK, "ROLLBACK")
STATEMENT(NEXT_VERSION, "UPDATE counter SET value = value + 1 WHERE name = 'version' RETURNING value")
STATEMENT(GET, "SELECT name, text, 0, version, create_ms, update_ms FROM document WHERE kind = ?1 AND name = ?2")
STATEMENT(PUT, "INSERT INTO document (kind, name, text, version, create_ms, update_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?5)"
	       " ON CONFLICT (kind, name) DO UPDATE SET text = ?3, version = ?4, update_ms = ?5")
STATEMENT(DELETE, "DELETE FROM document WHERE kind = ?1 AND name = ?2")
STATEMENT(LIST, "SELECT name, text, 0, version, create_ms, update_ms FROM document"
		" WHERE kind = ?1 AND name > ?2 ORDER BY name LIMIT ?3")
STATEMENT(ADD_REVISION, "INSERT INTO revision (kind, name, revision, text, version, create_ms)"
			" SELECT ?1, ?2, coalesce(max(revision), 0) + 1, ?3, ?4, ?5 FROM revision WHERE kind = ?1 AND name = ?2"
			" RETURNING revision")
STATEMENT(GET_REVISION, "SELECT name, text, revision, version, create_ms, create_ms FROM revision"
			" WHERE kind = ?1 AND name = ?2 AND revision = ?3")
STATEMENT(GET_LATEST, "SELECT name, text, revision, version, create_ms, create_ms FROM revision"
		      " WHERE kind = ?1 AND name = ?2 ORDER BY revision DESC LIMIT 1")
STATEMENT(LIST_REVISIONS, "SELECT name, text, revision, version, create_ms, create_ms FROM revision"
			  " WHERE kind = ?1 AND name = ?2 AND revision < ?3 ORDER BY revision DESC LIMIT ?4")
STATEMENT(LIST_LATEST, "SELECT name, text, max(revision), version, create_ms, create_ms FROM revision"
		       " WHERE kind = ?1 AND name > ?2 GROUP BY name ORDER BY name LIMIT ?3")
STATEMENT(APPEND_LOG, "INSERT INTO log (time_ms, text) VALUES (?1, ?2)")
STATEMENT(LIST_LOG, "SELECT sequence, time_ms, text FROM log WHERE sequence < ?1 ORDER BY sequence DESC LIMIT ?2")
