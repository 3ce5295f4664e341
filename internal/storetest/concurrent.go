package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/seed-4a326f83/parley"
)

var concurrentTests = []contract{
	{"many who append at once leave no hole and store nothing twice", func(f *fixture) {
		const workers, rounds, perBatch = 8, 15, 6
		rooms := []string{"tea", "zoo", parley.Lobby}
		users := []parley.User{f.member("ann", rooms...), f.member("ben", rooms...)}

		type key struct{ room, user, id string }
		var mu sync.Mutex
		seqs, stored := map[key]int64{}, map[key]int{}
		var reading atomic.Bool
		reading.Store(true)
		var readers sync.WaitGroup
		readers.Go(func() {
			for reading.Load() {
				for _, room := range rooms {
					f.contiguous(room)
				}
			}
		})
		together(workers, func(w int) {
			for round := range rounds {
				var batch []parley.Draft
				for i := range perBatch {
					// Half of the workers say what the other half says too,
					// and each says one thing twice within its batch.
					id := fmt.Sprint(w%(workers/2), "-", round, "-", i%(perBatch-1))
					batch = append(batch, text(rooms[(w+i)%len(rooms)], users[w%2], id), text("nowhere", users[w%2], id))
				}
				batch = append(batch, batch[0])
				results := f.append(batch...)
				mu.Lock()
				for i, r := range results {
					d := batch[i]
					if d.Room == "nowhere" {
						f.wantCode("an absent room", r.Err, parley.CodeNotFound)
						continue
					}
					k := key{d.Room, d.User.ID, d.ID}
					if first, ok := seqs[k]; r.Err != nil || r.Seq == 0 || ok && first != r.Seq {
						f.Errorf("%v: %+v, before that it had seq %d", k, r, first)
					}
					seqs[k] = r.Seq
					if r.Stored {
						stored[k]++
					}
				}
				mu.Unlock()
			}
		})
		reading.Store(false)
		readers.Wait()

		for k := range seqs {
			want(f, fmt.Sprint("times that ", k, " was stored"), stored[k], 1)
		}
		total := 0
		for _, room := range rooms {
			for _, m := range f.contiguous(room) {
				total++
				want(f, "seq of "+m.ID, m.Seq, seqs[key{room, m.From.ID, m.ID}])
			}
		}
		want(f, "messages", total, len(seqs))
	}},
	{"many who join an absent room at once make it once", func(f *fixture) {
		const workers = 12
		var isNew atomic.Int64
		ann := f.guest("ann")
		together(workers, func(i int) {
			user := ann
			if i%2 == 0 {
				user = f.guest("ben")
			}
			r, joined, err := f.Join(f.Context(), "tea", user.ID, true, now)
			f.wantCode("Join", err, "")
			want(f, "room", r, parley.Room{ID: "tea", Name: "tea", Kind: parley.Public, First: 1})
			if joined {
				isNew.Add(1)
			}
		})
		want(f, "new memberships", isNew.Load(), workers/2+1)
	}},
	{"two who ask for their room at once get the same", func(f *fixture) {
		users := []parley.User{f.guest("ann"), f.guest("ben")}
		var made atomic.Int64
		var ids sync.Map
		together(10, func(i int) {
			r, created, err := f.DirectRoom(f.Context(), users[i%2].ID, users[1-i%2].ID, parley.NewRoomID(), now)
			f.wantCode("DirectRoom", err, "")
			ids.Store(r.ID, true)
			if created {
				made.Add(1)
			}
		})
		rooms := 0
		ids.Range(func(any, any) bool { rooms++; return true })
		want(f, "rooms", rooms, 1)
		want(f, "times it was made", made.Load(), 1)
	}},
	{"many who read on at once end at the furthest", func(f *fixture) {
		ann, ben := f.member("ann", "tea"), f.member("ben", "tea")
		f.fill("tea", ann, 40)
		var moves atomic.Int64
		together(40, func(i int) {
			read, moved, err := f.SetRead(f.Context(), "tea", ben.ID, int64(i+1))
			f.wantCode("SetRead", err, "")
			if read < int64(i+1) {
				f.Errorf("SetRead(%d) stands at %d", i+1, read)
			}
			if moved {
				moves.Add(1)
			}
		})
		want(f, "read", f.membership("tea", ben).Read, 40)
		if moves.Load() == 0 {
			f.Error("nobody moved it")
		}
	}},
	{"what was appended is seen by whoever asks next", func(f *fixture) {
		together(6, func(i int) {
			room := fmt.Sprint("room-", i)
			u := f.member("ann", room)
			for n := int64(1); n <= 20; n++ {
				f.say(text(room, u, fmt.Sprint(n)))
				want(f, "last", f.page(room, parley.Range{From: n - 1, Limit: 5}).Last, n)
				r, _, err := f.Room(f.Context(), room, u.ID)
				f.wantCode("Room", err, "")
				want(f, "last", r.Last, n)
			}
		})
	}},
}

// contiguous returns the log of a room, which must be numbered without holes.
func (f *fixture) contiguous(room string) []parley.Message {
	f.Helper()
	log := f.log(room)
	for i, m := range log {
		if m.Seq != int64(i+1) {
			f.Errorf("%s: message %d of the log has seq %d", room, i+1, m.Seq)
			break
		}
	}
	return log
}

var closeTests = []contract{
	{"Close ends the store for good", func(f *fixture) {
		ann := f.member("ann", "tea")
		together(2, func(int) {
			if err := f.Close(); err != nil {
				f.Errorf("Close: %v", err)
			}
		})
		_, err := f.Append(f.Context(), []parley.Draft{text("tea", ann, "a")})
		f.wantCode("Append", err, parley.CodeUnavailable)
		_, err = f.History(f.Context(), "tea", parley.Range{Limit: 5})
		f.wantCode("History", err, parley.CodeUnavailable)
	}},
	{"Close waits for what is under way", func(f *fixture) {
		ann := f.member("ann", "tea")
		together(9, func(i int) {
			if i == 8 {
				if err := f.Close(); err != nil {
					f.Errorf("Close: %v", err)
				}
				return
			}
			for n := range 20 {
				results, err := f.Append(f.Context(), []parley.Draft{text("tea", ann, fmt.Sprint(i, "-", n))})
				if err != nil {
					f.wantCode("Append to a store that closes", err, parley.CodeUnavailable)
					return
				}
				want(f, "stored", results[0].Stored, true)
			}
		})
	}},
}
