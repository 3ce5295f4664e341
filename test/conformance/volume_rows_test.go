package conformance

import "fmt"

// volumeRows: messages to 16 MiB, in frames and chops of all sizes, and a thousand messages one after the other.
func volumeRows() (rows []row) {
	kinds := []struct {
		name    string
		message func(string) frame
		payload func(int) string
	}{{"text", text, sample}, {"binary", binaryMessage, every}}
	for k, kind := range kinds {
		add := func(group, n int, what string, s ...step) {
			rows = append(rows, row{id: fmt.Sprintf("9.%d.%d", group+k, n+1), what: kind.name + " " + what, steps: s})
		}
		for n, size := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
			add(1, n, fmt.Sprintf("of %d bytes", size), lazily(func() step {
				return echoed(kind.message(kind.payload(size)))
			}), goodbye)
		}
		for n, size := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20} {
			add(3, n, fmt.Sprintf("of 4 MiB in fragments of %d", size), lazily(func() step {
				message := kind.message(kind.payload(4 << 20))
				return together(send(fragments(message.op, 0, message.payload, size)...), want(message))
			}), goodbye)
		}
		for n, size := range []int{64, 128, 256, 512, 1024, 2048} {
			add(5, n, fmt.Sprintf("of 1 MiB in chops of %d", size), lazily(func() step {
				message := kind.message(kind.payload(1 << 20))
				return together(sendChops(size, message), want(message))
			}), goodbye)
		}
		for n, size := range []int{0, 16, 64, 256, 1024, 4096} {
			message := kind.message(kind.payload(size))
			add(7, n, fmt.Sprintf("of %d bytes, 1000 times", size), times(1000, echoed(message)), goodbye)
		}
	}
	return rows
}

// lazily makes a step when it is taken, so that what it sends is not held before and after.
func lazily(make func() step) step { return func(p *peer) error { return make()(p) } }

func together(list ...step) step { return func(p *peer) error { return p.run(list) } }

// times repeats a step.
func times(n int, s step) step {
	return func(p *peer) error {
		for i := range n {
			if err := s(p); err != nil {
				return fmt.Errorf("time %d: %w", i+1, err)
			}
		}
		return nil
	}
}
