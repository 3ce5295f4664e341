package hub_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/hub"
)

func TestBusDeliversInOrderAndDrainsOnClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := hub.NewBus(100)
		var got, stopped []int64
		bus.Subscribe(func(n parley.News) { got = append(got, n.Message.Seq) })
		stop := bus.Subscribe(func(n parley.News) { stopped = append(stopped, n.Message.Seq) })
		publish := func(seq int64) {
			if err := bus.Publish(t.Context(), message("lobby", seq)); err != nil {
				t.Error(err)
			}
		}
		publish(1)
		synctest.Wait()
		stop()
		for seq := range int64(50) {
			publish(seq + 2)
		}
		bus.Close()
		bus.Close()
		if len(got) != 51 || got[50] != 51 {
			t.Errorf("delivered %v", got)
		}
		if len(stopped) != 1 {
			t.Errorf("a subscriber that had stopped got %v", stopped)
		}
		if bus.Publish(t.Context(), message("lobby", 1)) == nil {
			t.Error("a closed bus took news")
		}
	})
}

func TestBusHoldsThePublisherUpWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := hub.NewBus(1)
		proceed := make(chan struct{})
		bus.Subscribe(func(parley.News) { <-proceed })
		for seq := range int64(2) { // one being delivered, one queued
			if err := bus.Publish(t.Context(), message("lobby", seq)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- bus.Publish(ctx, message("lobby", 3)) }()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("publishing to a full bus: %v", err)
		}
		close(proceed)
		bus.Close()
	})
}

func TestBusDropsSignalsBeforeAnybodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := hub.NewBus(1000)
		proceed := make(chan struct{})
		delivered := 0
		bus.Subscribe(func(parley.News) { delivered++; <-proceed })
		dropped := 0
		for range 500 {
			if bus.Publish(t.Context(), parley.News{Signal: &parley.Signal{}}) != nil {
				dropped++
			}
		}
		if dropped < 400 {
			t.Errorf("%d of 500 signals were dropped", dropped)
		}
		if err := bus.Publish(t.Context(), message("lobby", 1)); err != nil {
			t.Errorf("a message was: %v", err)
		}
		close(proceed)
		bus.Close()
		if delivered != 500-dropped+1 {
			t.Errorf("%d delivered", delivered)
		}
	})
}
