// Package json reads and writes the JSON of the contract and of servers' answers (RFC 8259):
// strict, small, without reflection.
//
// It refuses what two readers could understand differently: a member that occurs twice, invalid
// UTF-8, a lone surrogate. It also refuses what could cost too much: more than [MaxDepth] levels,
// more than [MaxMembers] members in an object.
package json
