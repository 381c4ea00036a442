package redisbroker_test

import (
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/brokertest"
	"github.com/karez/karez/broker/redisbroker/redistest"
)

// BenchmarkBroker measures what brokertest promises for every adapter, over a
// server that does not sync its file.
func BenchmarkBroker(b *testing.B) {
	s := redistest.Start(b, fast...)
	brokertest.Benchmark(b, func(tb testing.TB) broker.Broker { return open(tb, s) })
}
