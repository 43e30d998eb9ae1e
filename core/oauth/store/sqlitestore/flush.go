package sqlitestore

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// A flusher writes commits to the disk. SQLite would wait for the disk within each write, and block
// all others. So a write commits first, which survives the end of the process, and then waits for
// the disk together with the writes that were committed meanwhile. (With synchronous(NORMAL) SQLite
// leaves syncing the log to us, but syncs it itself before a checkpoint.)
type flusher struct {
	sync func() error // syncs the write-ahead log to the disk

	mu      sync.Mutex
	next    *flush // the one that has not begun
	running bool
}

type flush struct {
	done chan struct{}
	err  error
}

// wait returns when everything that was committed before the call is on the disk.
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

// syncFile is fsync. If the log is gone, SQLite has written it into the database and synced that.
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
