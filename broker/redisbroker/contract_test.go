package redisbroker_test

import (
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/brokertest"
	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/broker/redisbroker/redistest"
)

// fast does not sync its file with each command.
var fast = []string{"--appendonly", "no"}

func open(tb testing.TB, s *redistest.Server) *redisbroker.Broker {
	tb.Helper()
	b, err := redisbroker.Open(tb.Context(), s.URL(), redisbroker.Options{Node: "test"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Close() })
	return b
}

func TestContract(t *testing.T) {
	s := redistest.Start(t, fast...)
	brokertest.Run(t, func(tb testing.TB) broker.Broker { return open(tb, s) })
}

func TestNodes(t *testing.T) {
	s := redistest.Start(t, fast...)
	brokertest.RunNodes(t, func(tb testing.TB) (a, b broker.Broker) { return open(tb, s), open(tb, s) })
}
