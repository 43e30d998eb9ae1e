package sqlitestore

import "testing"

// Size is how many rows there are, those that are over among them.
func (d *DB) Size(t testing.TB) (n int) {
	if err := d.db.QueryRow(`SELECT count(*) FROM entries`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
