package sqlite

import "golang.org/x/sys/windows"

// freeSpace returns how many bytes this process may still write to the volume
// that holds path.
func freeSpace(path string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return free, err
}
