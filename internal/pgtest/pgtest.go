//go:build unix

// Package pgtest runs a real PostgreSQL for tests, from the system's own
// programs: in a folder of its own, reached by a Unix socket in it, and gone
// when the test is, however that ends.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// patience is how long anything may take on a machine that is busy.
	patience = time.Minute
	// port is the number in the socket's name; nothing listens on a network.
	port = 5432
	// owner is the role that may do everything, without a password.
	owner = "parley"
)

// Patience goes behind a URL in tests that are not about timeouts: parameters of
// the connection that hold on a machine that is very busy.
const Patience = "&connect_timeout=60&statement_timeout=120000&lock_timeout=120000&idle_in_transaction_session_timeout=120000"

// A Config says what server is run. The zero value is good.
type Config struct {
	// Durable has it sync its log to the disk, as a server in use does. Without,
	// it is faster, and still loses nothing when its processes are killed.
	Durable bool
	// Settings are more of postgresql.conf, such as {"max_connections": "20"}.
	Settings map[string]string
}

// A Server is a PostgreSQL with the databases of a test in it. What starts and
// ends it must not be called at once; all else may.
type Server struct {
	config Config
	bin    string
	dir    string // the socket, the log and, in data, the databases
	run    *process
	made   atomic.Int64 // databases and schemas
}

// Start makes a server and waits until it answers. Whoever starts one stops it.
func Start(config Config) (*Server, error) {
	s := &Server{config: config}
	if err := s.create(); err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: %w", err), s.Stop())
	}
	if err := s.Restart(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// create makes the folder and the cluster in it.
func (s *Server) create() (err error) {
	if s.bin, err = programs(); err != nil {
		return err
	}
	sweep()
	if s.dir, err = os.MkdirTemp("", folderPrefix()); err != nil {
		return err
	}
	credential, err := credential()
	if err != nil {
		return err
	}
	if credential != nil {
		if err := os.Chown(s.dir, int(credential.Uid), int(credential.Gid)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	initdb := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--username", owner,
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	initdb.Dir = s.dir
	initdb.SysProcAttr = attributes(credential)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// Other roles need their password, so that a wrong one can be tried.
	return os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"),
		fmt.Appendf(nil, "local all %s trust\nlocal all all scram-sha-256\n", owner), 0o644)
}

// settings are those of the command line.
func (s *Server) settings() (args []string) {
	set := map[string]string{
		"listen_addresses":        "",
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": s.dir,
		"max_connections":         "300",
		"shared_buffers":          "32MB",
		"fsync":                   "off",
		"full_page_writes":        "off",
		"jit":                     "off",
		"log_checkpoints":         "off",
	}
	if s.config.Durable {
		set["fsync"], set["full_page_writes"] = "on", "on"
	}
	for name, value := range s.config.Settings {
		set[name] = value
	}
	for name, value := range set {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

func (s *Server) data() string    { return filepath.Join(s.dir, "data") }
func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

// Socket is the path of the Unix socket that the server answers at.
func (s *Server) Socket() string { return filepath.Join(s.dir, fmt.Sprintf(".s.PGSQL.%d", port)) }

// URL is where a database is, for one who may do everything.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%d", owner, database, s.dir, port)
}

// Restart starts a server that was killed or halted, and waits until it answers.
func (s *Server) Restart() error {
	if s.run != nil {
		return errors.New("pgtest: it runs already")
	}
	credential, err := credential()
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), append([]string{"-D", s.data()}, s.settings()...)...)
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes(credential)
	run, err := start(cmd)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	s.run = run
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := ping(ctx, s.URL("postgres"))
		if err == nil {
			return nil
		}
		select {
		case <-run.ended:
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
			continue
		}
		said, _ := os.ReadFile(s.logFile())
		return fmt.Errorf("pgtest: the server does not answer: %w\n%s", err, said)
	}
}

func ping(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// Kill ends the server and all its processes at once, as a crash does.
func (s *Server) Kill() error { return s.end(syscall.SIGQUIT) }

// Halt has the server close all connections and shut down in good order.
func (s *Server) Halt() error { return s.end(syscall.SIGINT) }

func (s *Server) end(signal syscall.Signal) error {
	if s.run == nil {
		return nil
	}
	run := s.run
	s.run = nil
	if err := run.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("pgtest: %w", err)
	}
	select {
	case <-run.ended:
		return nil
	case <-time.After(patience):
		return errors.Join(errors.New("pgtest: the server does not end"), run.cmd.Process.Kill())
	}
}

// Stop ends the server and forgets its databases.
func (s *Server) Stop() error {
	err := s.Kill()
	if s.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// CreateDatabase makes a new database and returns its name. It takes a second on
// a busy machine; a schema takes milliseconds.
func (s *Server) CreateDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("test%d", s.made.Add(1))
	return name, s.Execute(ctx, "postgres", "CREATE DATABASE "+name)
}

// CreateSchema makes a new schema in a database and returns the URL of the
// database with that schema in the place of public: as good as a database of
// one's own, to who does not look about.
func (s *Server) CreateSchema(ctx context.Context, database string) (url string, err error) {
	name := fmt.Sprintf("test%d", s.made.Add(1))
	return s.URL(database) + "&search_path=" + name, s.Execute(ctx, database, "CREATE SCHEMA "+name)
}

// Execute runs a statement in a database.
func (s *Server) Execute(ctx context.Context, database, query string) error {
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, query)
	return errors.Join(err, conn.Close(ctx))
}

// programs returns the folder of the newest PostgreSQL's programs.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		version := func(path string) int {
			n, _ := strconv.Atoi(strings.Split(path, "/")[4])
			return n
		}
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errors.New("there is no PostgreSQL; install it (on Debian: apt-get install postgresql)")
}

// credential says whom the server runs as: PostgreSQL refuses root. It is nil
// for the one who runs this.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no other user to run it as: postgres, nobody")
}

// process is a program that was started, and ended once it is no more.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// start starts a program that ends with us. The kernel ends it with the thread
// that started it, so that one stays with it.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // how it ended is of no interest
			close(p.ended)
		}
	}()
	return p, <-started
}

// folderPrefix begins the names of our folders, which say whose they are.
func folderPrefix() string { return fmt.Sprintf("parley-pgtest-%d-", os.Getpid()) }

// sweep removes the folders of tests that were killed.
func sweep() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), "parley-pgtest-*"))
	for _, dir := range left {
		pid, err := strconv.Atoi(strings.Split(filepath.Base(dir), "-")[2])
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			os.RemoveAll(dir)
		}
	}
}
