// Package brokertest is the contract of the broker port, as tests: each
// promise in a comment of package broker is a case here, and an adapter is one
// that passes them all over the real thing.
//
// Run is the contract. RunNodes asks the same of two processes on one server,
// RunDurable of what a server keeps over a restart, Benchmark measures. No
// case knows the adapter, and none uses a fake clock: what waits has a generous
// deadline, and only where expiry itself is tested are times short.
//
// Read log.go and read.go first, then the file named like the part of the port
// you are at. model.go compares an adapter with a model small enough to be
// right at a glance, over random calls.
package brokertest

import (
	"testing"

	"github.com/karez/karez/broker"
)

// Run tests an adapter. open returns a broker and closes it when tb ends (a
// case may have closed it by then). Brokers may share a server: cases use apps
// of their own. Cases run in parallel.
func Run(t *testing.T, open func(tb testing.TB) broker.Broker) {
	for _, g := range []struct {
		name  string
		cases []testCase
	}{
		{"Log", logCases},
		{"Read", readCases},
		{"Watch", watchCases},
		{"Upkeep", upkeepCases},
		{"Retention", retentionCases},
		{"Names", nameCases},
		{"Jobs", jobCases},
		{"Leases", leaseCases},
		{"Signals", signalCases},
		{"State", stateCases},
		{"Race", raceCases},
		{"Model", modelCases},
		{"Close", closeCases},
	} {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newT(t, open(t)))
				})
			}
		})
	}
}

// RunNodes tests two brokers that are two nodes of one system. open closes
// both when tb ends.
func RunNodes(t *testing.T, open func(tb testing.TB) (a, b broker.Broker)) {
	for _, c := range nodeCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			one := newT(t, a)
			two := *one
			two.b = b
			c.run(one, &two)
		})
	}
}

// RunModel compares an adapter with the model of model.go over random calls to
// Log and Upkeep, one at a time. Run does so too; this is for brokers that are
// hurt while they work. open is called once.
func RunModel(t *testing.T, open func(tb testing.TB) broker.Broker) {
	modelCase(newT(t, open(t)))
}

// A testCase is one promise.
type testCase struct {
	name string
	run  func(t *T)
}
