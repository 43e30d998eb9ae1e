package simulate

import "container/heap"

// An event happens at a time. Idle ones (timers) do not keep a world from settling.
type event struct {
	at, seq int64
	idle    bool
	run     func()
}

// queue orders events by time; events of the same time keep the order in which they were added.
type queue struct {
	events []event
	seq    int64
	busy   int // events that are not idle
}

func (q *queue) Len() int { return len(q.events) }
func (q *queue) Less(i, j int) bool {
	a, b := &q.events[i], &q.events[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}
func (q *queue) Swap(i, j int) { q.events[i], q.events[j] = q.events[j], q.events[i] }
func (q *queue) Push(x any)    { q.events = append(q.events, x.(event)) }
func (q *queue) Pop() any {
	last := len(q.events) - 1
	e := q.events[last]
	q.events[last] = event{}
	q.events = q.events[:last]
	return e
}

func (q *queue) add(at int64, idle bool, run func()) {
	q.seq++
	if !idle {
		q.busy++
	}
	heap.Push(q, event{at, q.seq, idle, run})
}

func (q *queue) next() event {
	e := heap.Pop(q).(event)
	if !e.idle {
		q.busy--
	}
	return e
}
