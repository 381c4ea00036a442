package turn

import "encoding/binary"

// Merge joins neighbouring events that belong together, so that a reader who
// is behind gets one event instead of many. The result folds to the same
// answer as evs (see Answer). It does not change evs; when nothing merges it
// returns evs itself.
func Merge(evs []Event) []Event { return merge(evs, MaxData, false) }

// Compact is Merge for a finished log: the pieces keep their cuts, so that a
// cursor inside a merged event still finds its place.
func Compact(evs []Event) []Event { return merge(evs, MaxData, true) }

// joins reports whether b may be appended to a.
func joins(a, b *Event) bool {
	return a.Kind == b.Kind && a.Kind.Mergeable() && a.Part == b.Part && a.Epoch == b.Epoch &&
		a.Media == b.Media && (b.Name == "" || b.Name == a.Name) &&
		len(b.Attrs) == 0 && a.Seq+1 == b.Start()
}

func merge(evs []Event, maxData int, cuts bool) []Event {
	if !anyJoin(evs) {
		return evs
	}
	out := make([]Event, 0, 8)
	for i := 0; i < len(evs); {
		j, size := i+1, len(evs[i].Data)
		for j < len(evs) && joins(&evs[j-1], &evs[j]) && sameName(&evs[i], &evs[j]) && size+len(evs[j].Data) <= maxData {
			size += len(evs[j].Data)
			j++
		}
		out = append(out, join(evs[i:j], size, cuts))
		i = j
	}
	return out
}

// sameName keeps a run under its first event's name: joins compares
// neighbours, and a name may be given only once.
func sameName(first, ev *Event) bool { return ev.Name == "" || ev.Name == first.Name }

func anyJoin(evs []Event) bool {
	for i := 1; i < len(evs); i++ {
		if joins(&evs[i-1], &evs[i]) {
			return true
		}
	}
	return false
}

func join(run []Event, size int, cuts bool) Event {
	e := run[0]
	if len(run) == 1 {
		return e
	}
	e.First = run[0].Start()
	e.Seq = run[len(run)-1].Seq
	e.Data = make([]byte, 0, size)
	e.Cuts = nil
	for i, r := range run {
		e.Data = append(e.Data, r.Data...)
		if cuts {
			e.Cuts = appendCuts(e.Cuts, r, i == len(run)-1)
		}
	}
	return e
}

// appendCuts adds the cuts of r, which may be compacted itself.
func appendCuts(cuts []byte, r Event, last bool) []byte {
	cuts = append(cuts, r.Cuts...)
	if last {
		return cuts
	}
	left := uint64(len(r.Data))
	for c := r.Cuts; len(c) > 0; {
		n, w := binary.Uvarint(c)
		if w <= 0 {
			break
		}
		left, c = left-n, c[w:]
	}
	return binary.AppendUvarint(cuts, left)
}

// Split undoes Compact: each event of the result covers one place, as before,
// also where evs begins inside a compacted event. An event that was merged
// without cuts stays whole. It does not change evs; when nothing is compacted
// it returns evs itself.
func Split(evs []Event) []Event {
	if !anyCut(evs) {
		return evs
	}
	out := make([]Event, 0, 2*len(evs))
	for i := range evs {
		if len(evs[i].Cuts) == 0 {
			out = append(out, evs[i])
			continue
		}
		out = splitOne(out, evs[i])
	}
	return Align(nil, out) // cuts may lie inside characters
}

func anyCut(evs []Event) bool {
	for i := range evs {
		if len(evs[i].Cuts) > 0 {
			return true
		}
	}
	return false
}

// splitOne appends the pieces of e. What its cuts do not reach is one piece.
func splitOne(out []Event, e Event) []Event {
	cuts, data := e.Cuts, e.Data
	for at := e.Start(); at <= e.Seq; at++ {
		p := e
		p.First, p.Seq, p.Cuts, p.Data = 0, at, nil, data
		n, w := binary.Uvarint(cuts)
		if at == e.Seq || w <= 0 || n > uint64(len(data)) {
			if at < e.Seq {
				p.First, p.Seq = at, e.Seq
			}
			return append(out, p)
		}
		p.Data, data, cuts = data[:n], data[n:], cuts[w:]
		out = append(out, p)
		e.Attrs = nil
	}
	return out
}
