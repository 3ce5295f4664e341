//go:build linux

package pgtest_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/internal/pgtest"
)

// startAndHang in the environment has the tests start a server, say where, and
// do nothing more.
const startAndHang = "PGTEST_START_AND_HANG"

func TestMain(m *testing.M) {
	if os.Getenv(startAndHang) != "" {
		s, err := pgtest.Start(pgtest.Config{})
		fmt.Println(s.Socket(), err)
		select {}
	}
	os.Exit(m.Run())
}

// TestServerEndsWithItsTest kills a test that has a server.
func TestServerEndsWithItsTest(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), startAndHang+"=1")
	out := must(cmd.StdoutPipe())(t)
	check(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	socket, ok := strings.CutSuffix(line, " <nil>\n")
	check(t, cmd.Process.Kill())
	cmd.Wait()
	if err != nil || !ok {
		t.Fatalf("the server was not started: %q, %v", line, err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(end) {
			t.Fatal("the server outlived its test")
		}
	}
	// The next server takes the folder away.
	s := must(pgtest.Start(pgtest.Config{}))(t)
	check(t, s.Stop())
	if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
}
