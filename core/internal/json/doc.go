// Package json reads and writes the JSON of the boundary and of servers' answers (RFC 8259):
// strict, small, without reflection.
//
// Reading refuses what two readers could understand differently: a member twice, invalid UTF-8, a
// lone surrogate; and what costs without limit: more than [MaxDepth] levels, more than [MaxMembers]
// members in an object.
package json
