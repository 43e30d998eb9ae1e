package sqlitestore

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
)

// TestFlushesTogether: writers that wait while the disk is busy share the next flush. A flush that
// began before a write does not count for it (S62).
func TestFlushesTogether(t *testing.T) {
	begun, go_ := make(chan struct{}), make(chan error)
	f := flusher{sync: func() error {
		begun <- struct{}{}
		return <-go_
	}}
	broken := errors.New("the disk is full")
	first := make(chan error)
	go func() { first <- f.wait() }()
	<-begun
	var others sync.WaitGroup
	for range 20 {
		others.Go(func() {
			if err := f.wait(); err != broken {
				t.Error(err)
			}
		})
	}
	for waiting := false; !waiting; { // at least one of them waits
		f.mu.Lock()
		waiting = f.next != nil
		f.mu.Unlock()
	}
	go_ <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
	<-begun
	for turns := 0; ; turns++ {
		ended := make(chan struct{})
		go func() {
			others.Wait()
			close(ended)
		}()
		go_ <- broken
		select {
		case <-ended:
			return
		case <-begun: // for those who came later
		}
	}
}

// TestStoreFailsWithTheDisk: if the disk does not persist a value, the store does not report
// success (S62).
func TestStoreFailsWithTheDisk(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "sessions.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	value := "v"
	version, err := d.Store(t.Context(), "k", "", &value)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the disk is full")
	d.flush.sync = func() error { return broken }
	if _, err := d.Store(t.Context(), "k", version, &value); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := d.CreateKey(t.Context(), "key", "ES256"); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestSyncFile: if the log is gone, its content is in the database; a log that cannot be synced is
// an error (S62).
func TestSyncFile(t *testing.T) {
	dir := t.TempDir()
	if err := syncFile(filepath.Join(dir, "none-wal")); err != nil {
		t.Error(err)
	}
	if err := syncFile(dir); err == nil {
		t.Error("a folder is no log")
	}
}
