package ledgertest

import "testing"

// write and rows are what a program does with its database.
func (s Subject) write(t testing.TB, location string) error {
	db := s.Open(t, location)
	defer func() { _ = db.Close() }()
	// Two that make a table at once may fail, though it may be there.
	_, failed := db.ExecContext(limit(t), "CREATE TABLE IF NOT EXISTS precious (word VARCHAR(10))")
	if _, err := db.ExecContext(limit(t), "INSERT INTO precious VALUES ('data')"); err == nil {
		return nil
	} else if failed == nil {
		return err
	}
	return failed
}

func (s Subject) rows(t testing.TB, location string) (n int) {
	t.Helper()
	db := s.Open(t, location)
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(limit(t), "SELECT COUNT(*) FROM precious").Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}
