// Package oauthtest has the two test suites that every host of the engine must pass, as Go tests:
// RunTranscripts replays recorded conversations with an engine and compares them byte for byte.
// RunContract tests how a host carries out effects (HTTP, Store, Locker, timers), with a live
// server.
//
// Both suites are data, core/contract/client/*.txt and core/contract/contract.json, so hosts in
// other languages can run them too. Handler is the server that the contract suite needs; command
// contractserver serves it to those hosts.
//
// # The format of contract.json
//
// The file is an array of cases with the members name, covers (ids of behaviours) and steps. Each
// case gets its own session of kind "contract", its own store and its own locks. {server} in any
// string stands for the base URL of the server. A step has one of these verbs:
//
//	{"perform":{effect},"as":"a"}           give the command perform; "command":"a" in the effect becomes the id of that perform
//	{"expect":"a","answer":{…}}              the answer of a comes, however late (Patience), and matches
//	{"pending":"a","ms":N}                  N ms later a has no answer still
//	{"close":true}                          close the session; performs that have no answer get none
//	{"fault":"store","times":N}             the next N store operations of the host's store fail
//	{"get":"{server}/path","json":{…}}      fetch the server and match its answer
//
// An expected object matches an object that has its members with matching values. An expected array
// matches an array of the same length with matching elements. Any other value must be equal.
// {"$bytes":N} matches a body of N bytes; a missing body is empty. {"$absent":true} matches if
// there is no value. {"$save":NAME} matches any value and keeps it for the rest of the case:
// {"$same":NAME} then matches an equal value, {"$other":NAME} a different one, and {"$use":NAME} in
// an effect stands for it. Headers are compared after those of one name were joined by ", ";
// additional headers are allowed. The answer of an effect is the member "answer" in the result of
// perform.
package oauthtest
