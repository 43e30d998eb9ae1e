package filestore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/filelock"
)

// Dir is a directory with values, keys and locks. It implements oauth.Store, oauth.KeyStore and
// oauth.Locker; a client that gets it as its Store also uses it as the other two. It is safe for
// concurrent use, and several Dirs may use one directory.
type Dir struct {
	path  string
	locks filelock.Dir
}

var (
	_ oauth.Store    = (*Dir)(nil)
	_ oauth.KeyStore = (*Dir)(nil)
	_ oauth.Locker   = (*Dir)(nil)
)

// ErrCorrupt means that a file was cut short or changed. The file is left as it is. If you delete
// it, nothing is stored under that name.
var ErrCorrupt = errors.New("oauth2: filestore: the file is corrupt")

// Open opens the directory at path and creates it if it is missing. It refuses a directory that
// others may read or write.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("oauth2: filestore: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("oauth2: filestore: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("oauth2: filestore: %w", err)
	}
	// Windows has no such bits: Go derives them there from the read-only attribute.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("oauth2: filestore: %s has mode %#o: it has to be 0700, for it holds tokens", path, mode)
	}
	d := &Dir{path: path, locks: filelock.Dir{Path: path}}
	if err := d.tidy(); err != nil {
		return nil, err
	}
	return d, nil
}

// Load implements oauth.Store. It fails with ErrCorrupt, with the error of ctx, or with one of the
// file system.
func (d *Dir) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	// Under the lock, because Windows refuses to rename over a file that is being read.
	file := valueFile(key)
	unlock, err := d.guard(ctx, file)
	if err != nil {
		return "", "", false, err
	}
	defer unlock()
	return d.read(file)
}

// Store implements oauth.Store. It fails with oauth.ErrConflict, with ErrCorrupt, with the error of
// ctx, or with one of the file system; what was stored is then still there.
func (d *Dir) Store(ctx context.Context, key, version string, value *string) (string, error) {
	file := valueFile(key)
	unlock, err := d.guard(ctx, file)
	if err != nil {
		return "", err
	}
	defer unlock()
	_, stands, _, err := d.read(file)
	switch {
	case err != nil:
		return "", err
	case stands != version:
		return "", oauth.ErrConflict
	case value != nil:
		return d.write(file, *value)
	case version == "":
		return "", nil
	}
	if err := os.Remove(filepath.Join(d.path, file)); err != nil {
		return "", fmt.Errorf("oauth2: filestore: %w", err)
	}
	return "", d.flush()
}

// format begins every file; the version, the digest of version and value, and a line feed follow,
// and then the value.
const format = "oauth2-wasm 1 "

func (d *Dir) read(file string) (value, version string, ok bool, err error) {
	raw, err := os.ReadFile(filepath.Join(d.path, file))
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", false, nil
	}
	if err != nil {
		return "", "", false, fmt.Errorf("oauth2: filestore: %w", err)
	}
	head, value, whole := strings.Cut(string(raw), "\n")
	head, known := strings.CutPrefix(head, format)
	version, sum, _ := strings.Cut(head, " ")
	if !whole || !known || version == "" || sum != digest(version, value) {
		return "", "", false, fmt.Errorf("%w: %s", ErrCorrupt, filepath.Join(d.path, file))
	}
	return value, version, true, nil
}

// write replaces a file's value. Versions are random, so that none is ever used twice, not even
// after a deletion.
func (d *Dir) write(file, value string) (version string, err error) {
	version = rand.Text()
	if err := d.replace(file, []byte(format+version+" "+digest(version, value)+"\n"+value)); err != nil {
		return "", err
	}
	return version, nil
}

// replace writes raw to a file. A crash leaves the old content or the new one.
func (d *Dir) replace(file string, raw []byte) error {
	// One temporary name for each file is enough: the writer holds the guard. What a crash left is
	// overwritten, or removed by the next Open.
	unfinished := d.unfinished(file)
	err := func() error {
		f, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(raw)
		if err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return errors.Join(err, os.Remove(unfinished))
		}
		return os.Rename(unfinished, filepath.Join(d.path, file))
	}()
	if err != nil {
		return fmt.Errorf("oauth2: filestore: %w", err)
	}
	return d.flush()
}

// flush persists a rename or a removal. Windows has no flush for directories.
func (d *Dir) flush() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(d.path)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("oauth2: filestore: %w", err)
	}
	return nil
}

func (d *Dir) unfinished(file string) string { return filepath.Join(d.path, "unfinished-"+file) }

// tidy removes what killed processes left: lock files and half-written values.
func (d *Dir) tidy() error {
	err := errors.Join(
		d.locks.Sweep(lockPrefix, func(string) {}),
		d.locks.Sweep(guardPrefix, func(file string) { os.Remove(d.unfinished(file)) }),
	)
	if err != nil {
		return fmt.Errorf("oauth2: filestore: %w", err)
	}
	return nil
}

func valueFile(key string) string { return "value-" + escape(key) }

func digest(version, value string) string {
	sum := sha256.Sum256([]byte(version + "\n" + value))
	return hex.EncodeToString(sum[:])
}
