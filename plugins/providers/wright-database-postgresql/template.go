package main

import (
	"context"
	"database/sql"
)

// handOver makes a user the owner of all that came with a template, which belongs
// to whoever made that. Indexes, columns' sequences and types of tables follow
// their tables; what belongs to an extension stays with it. REASSIGN OWNED will not
// do: it would take the template itself from its owner, too.
func handOver(ctx context.Context, db *sql.DB, user string) error {
	rows, err := db.QueryContext(ctx, ofTemplate)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			return err
		}
		all = append(all, "ALTER "+what+" OWNER TO "+quoted(user))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return run(ctx, db, all...)
}

// ofTemplate gives what ALTER … OWNER takes, quoted by the server.
const ofTemplate = `
WITH schemas AS (
	SELECT oid, nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'
), extended AS (
	SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), columns AS (
	SELECT objid FROM pg_depend WHERE deptype IN ('a', 'i') AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
)
SELECT format('SCHEMA %I', nspname) FROM schemas s
	WHERE nspname <> 'public' AND NOT EXISTS (SELECT FROM extended WHERE classid = 'pg_namespace'::regclass AND objid = s.oid)
UNION ALL
SELECT format('%s %I.%I', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
		WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, nspname, relname)
	FROM pg_class c JOIN schemas s ON s.oid = relnamespace
	WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
		AND NOT EXISTS (SELECT FROM extended WHERE classid = 'pg_class'::regclass AND objid = c.oid)
		AND NOT (relkind = 'S' AND EXISTS (SELECT FROM columns WHERE objid = c.oid))
UNION ALL
SELECT format('ROUTINE %s', p.oid::regprocedure)
	FROM pg_proc p JOIN schemas s ON s.oid = pronamespace
	WHERE NOT EXISTS (SELECT FROM extended WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND deptype = 'i')
UNION ALL
SELECT format('%s %I.%I', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, nspname, typname)
	FROM pg_type t JOIN schemas s ON s.oid = typnamespace
	WHERE typtype IN ('e', 'd', 'r') AND NOT EXISTS (SELECT FROM extended WHERE classid = 'pg_type'::regclass AND objid = t.oid)
UNION ALL
SELECT format('LARGE OBJECT %s', oid) FROM pg_largeobject_metadata`
