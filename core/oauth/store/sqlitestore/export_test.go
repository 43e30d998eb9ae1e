package sqlitestore

import "testing"

// Size returns the number of rows, including expired ones.
func (d *DB) Size(t testing.TB) (n int) {
	if err := d.reads.QueryRow(`SELECT count(*) FROM entries`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Writing reports whether a write is under way.
func (d *DB) Writing() bool { return d.writes.Stats().InUse > 0 }

// HoldWrites prevents every other connection from writing until release.
func (d *DB) HoldWrites(t testing.TB) (release func()) {
	if _, err := d.writes.Exec(`BEGIN IMMEDIATE`); err != nil { // there is one connection, so the next statement is in that transaction
		t.Fatal(err)
	}
	return func() {
		if _, err := d.writes.Exec(`ROLLBACK`); err != nil {
			t.Error(err)
		}
	}
}
