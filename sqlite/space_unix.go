//go:build unix

package sqlite

import "golang.org/x/sys/unix"

// freeSpace returns how many bytes an ordinary process may still write to the
// file system that holds path.
func freeSpace(path string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, err
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize), nil
}
