package cpu

import (
	"os"
	"strings"
	"testing"
)

// TestHasAVX2 asks the operating system, where it says.
func TestHasAVX2(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Logf("nobody to ask: %v", err)
		return
	}
	if want := strings.Contains(string(info), " avx2 "); HasAVX2 != want {
		t.Errorf("HasAVX2 is %v, and the system says %v", HasAVX2, want)
	}
}
