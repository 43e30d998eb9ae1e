package sqlitestore

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// A flusher has the disk keep what was committed. SQLite would wait for the disk within each write,
// and all others with it; so a write commits first, which outlives the process, and then waits for
// the disk together with those that were committed meanwhile (synchronous(NORMAL) leaves the log to
// us, and syncs it itself before what is in it goes elsewhere).
type flusher struct {
	sync func() error // has the disk keep the write-ahead log

	mu      sync.Mutex
	next    *flush // the one that is not begun
	running bool
}

type flush struct {
	done chan struct{}
	err  error
}

// wait returns when all that was committed before is on the disk.
func (f *flusher) wait() error {
	f.mu.Lock()
	own := f.next
	if own == nil {
		own = &flush{done: make(chan struct{})}
		f.next = own
	}
	if !f.running {
		f.running = true
		go f.run()
	}
	f.mu.Unlock()
	<-own.done
	return own.err
}

func (f *flusher) run() {
	for {
		f.mu.Lock()
		own := f.next
		f.next, f.running = nil, own != nil
		f.mu.Unlock()
		if own == nil {
			return
		}
		own.err = f.sync()
		close(own.done)
	}
}

// syncFile is fsync. A log that is gone was written into the database, and that synced.
func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
