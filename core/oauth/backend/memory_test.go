package backend

import (
	"fmt"
	"testing"
	"time"
)

// TestMemory: the number of texts is limited, and texts expire.
func TestMemory(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	m := &memory{now: func() time.Time { return now }}
	want := func(key, text string) {
		t.Helper()
		if got, ok := m.Recall(key); got != text || ok != (text != "") {
			t.Errorf("%s: %q, %t", key, got, ok)
		}
	}
	for i := range mostRemembered + 2 {
		m.Remember(fmt.Sprint(i), fmt.Sprint("text ", i), now.Add(time.Minute))
	}
	want("0", "")
	want("1", "")
	want("2", "text 2")
	m.Remember("2", "another", now.Add(time.Second))
	want("2", "another")
	want("3", "text 3")
	now = now.Add(time.Second)
	want("2", "")
	want("3", "text 3")
	m.Remember("3", "at the end", now.Add(time.Hour))
	for i := range mostRemembered - 1 {
		m.Remember(fmt.Sprint("new ", i), "text", now.Add(time.Hour))
	}
	want("3", "at the end")
	now = now.Add(2 * time.Hour)
	m.Remember("last", "text", now.Add(time.Hour))
	if len(m.byKey) != 1 || m.order.Len() != 1 {
		t.Error(len(m.byKey), "texts, most of them over")
	}
}
