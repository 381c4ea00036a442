package membroker

import (
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/brokertest"
)

func inMemory(tb testing.TB) broker.Broker {
	b := New(Options{})
	tb.Cleanup(func() { closeBroker(tb, b) })
	return b
}

func onFolder(tb testing.TB) broker.Broker { return open(tb, tb.TempDir()) }

func open(tb testing.TB, dir string) broker.Broker {
	tb.Helper()
	b, err := Open(dir, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closeBroker(tb, b) })
	return b
}

func closeBroker(tb testing.TB, b *Broker) {
	if err := b.Close(); err != nil {
		tb.Error(err)
	}
}

func TestContract(t *testing.T) {
	t.Run("memory", func(t *testing.T) { brokertest.Run(t, inMemory) })
	t.Run("folder", func(t *testing.T) { brokertest.Run(t, onFolder) })
}

// Two nodes that are one: the cases themselves hold.
func TestNodes(t *testing.T) {
	brokertest.RunNodes(t, func(tb testing.TB) (broker.Broker, broker.Broker) {
		b := inMemory(tb)
		return b, b
	})
}

func TestFolderOutlivesTheBroker(t *testing.T) {
	brokertest.RunDurable(t, t.TempDir(), open, nil)
}

func BenchmarkMemory(b *testing.B) { brokertest.Benchmark(b, inMemory) }
func BenchmarkFolder(b *testing.B) { brokertest.Benchmark(b, onFolder) }
