package simulate

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
)

// A fault is something that goes wrong. Its value in a plan is the share of cases in which it does.
type fault string

const (
	requestLost     fault = "request lost"
	answerLost      fault = "answer lost"
	requestDelayed  fault = "request delayed"
	answerDelayed   fault = "answer delayed"
	requestDoubled  fault = "request doubled"
	answerDoubled   fault = "answer doubled"
	answerLate      fault = "answer after its time-out"
	answerStray     fault = "answer to another session"
	unavailable     fault = "503 before the server"
	tooMany         fault = "429 before the server"
	garbled         fault = "answer garbled"
	withoutType     fault = "answer without token_type"
	echoed          fault = "error repeats a secret"
	unsent          fault = "request unsent"
	redirected      fault = "redirect"
	tooLarge        fault = "answer too large"
	storeFails      fault = "store fails"
	storeAnswerLost fault = "store writes, answer lost"
	storeSlow       fault = "store slow"
	loadFails       fault = "load fails"
	lockFails       fault = "lock fails"
	hookFails       fault = "hook fails"
	timerEarly      fault = "timer early"
	timerLate       fault = "timer late"
	crashMid        fault = "crash between effects"
	serverFails     fault = "server's store fails"
	keyFails        fault = "key fails"
	keyAnswerLost   fault = "key effect carried out, answer lost"
	keySlow         fault = "key slow"
	keyCareless     fault = "key with its private part"
	signFails       fault = "sign fails"
	downgraded      fault = "bearer token in place of a bound one"

	// These need no cause. They happen as often as the plan's chaos says.
	crash         fault = "crash"
	retire        fault = "closed and opened from its bytes"
	stale         fault = "opened from old bytes"
	clockForward  fault = "clock forward"
	clockBack     fault = "clock back"
	offline       fault = "network down for a while"
	storeDown     fault = "store down for a while"
	serverRestart fault = "server restarted"
	keyLost       fault = "key lost"
)

// rates are those of a world where everything goes wrong now and then. A plan scales them.
var rates = []struct {
	fault fault
	rate  float64
}{
	{requestLost, .03}, {answerLost, .05}, {requestDelayed, .03}, {answerDelayed, .03}, {requestDoubled, .02}, {answerDoubled, .05}, {answerLate, .5},
	{answerStray, .3}, {unavailable, .04}, {tooMany, .03}, {garbled, .04}, {withoutType, .02}, {echoed, .02}, {unsent, .03}, {redirected, .01}, {tooLarge, .01},
	{storeFails, .03}, {storeAnswerLost, .03}, {storeSlow, .03}, {loadFails, .03}, {lockFails, .01}, {hookFails, .02}, {timerEarly, .1}, {timerLate, .1},
	{crashMid, .003}, {serverFails, .01},
	{crash, 1}, {retire, .5}, {stale, .3}, {clockForward, .3}, {clockBack, .3}, {offline, .4}, {storeDown, .3}, {serverRestart, .3},
}

// keyRates are the additional rates of a world with DPoP.
var keyRates = []struct {
	fault fault
	rate  float64
}{{keyFails, .02}, {keyAnswerLost, .02}, {keySlow, .05}, {keyCareless, .1}, {signFails, .02}, {downgraded, .05}}

// A plan describes a world. It is drawn from the world's seed.
type plan struct {
	locks         bool
	processes     bool // the store works like a file, not like a browser's
	slots         int
	skewed        bool // the clocks of the parties differ
	secret        bool
	hooks         bool
	device        bool
	interval      int64 // of polls in device flows, seconds
	auto          bool  // automatic refresh
	lead          int64 // refresh_lead_ms, 0: the default
	grace         int64 // of the server's refresh token rotation, seconds
	accessLife    int64 // seconds
	refreshLife   int64 // seconds
	retryWindow   int64 // ms
	think, ruin   int64 // mean ms between actions, and between faults without a cause
	faults        map[fault]float64
	quietCommands map[string]bool // commands that nobody gives
	dpop          bool
	keysLost      bool
	nonceLife     int64 // of the server's nonces, seconds; 0: it has none
}

func draw(d dice, seed uint64) plan {
	p := plan{
		locks:       d.chance(.7),
		processes:   d.chance(.4),
		slots:       2 + d.n(3),
		skewed:      d.chance(.1),
		secret:      d.chance(.3),
		hooks:       d.chance(.15),
		device:      d.chance(.35),
		auto:        d.chance(.35),
		lead:        []int64{0, 5_000}[d.n(2)],
		grace:       []int64{0, 0, 10, 60}[d.n(4)],
		accessLife:  []int64{20, 300, 3600}[d.n(3)],
		refreshLife: []int64{3600, 14 * 86400}[d.n(2)],
		retryWindow: []int64{0, 20_000, 120_000, 86_400_000, 86_400_000}[d.n(5)],
		think:       d.long(20, 60_000),
		ruin:        d.long(2_000, 1_200_000),
		faults:      map[fault]float64{},
	}
	p.interval = []int64{1, 5}[d.n(2)]
	if p.device {
		p.think = max(p.think, 300) // flows need time
	}
	calm := d.chance(.1)
	for _, r := range rates {
		if scale := []float64{0, 0, .3, 1, 1, 3}[d.n(6)]; scale > 0 && !calm {
			p.faults[r.fault] = min(r.rate*scale, 1)
		}
	}
	p.drawKeys(seed, calm)
	return p
}

// drawKeys makes some worlds run with DPoP. It has its own random numbers, so that the other worlds
// stay as they were.
func (p *plan) drawKeys(seed uint64, calm bool) {
	rng := rand.New(rand.NewPCG(seed, 0x64706f70))
	if p.dpop = rng.Float64() < .3; !p.dpop {
		return
	}
	p.nonceLife = []int64{0, 0, 5, 60, 3600}[rng.IntN(5)]
	p.keysLost = rng.Float64() < .1
	if calm {
		return
	}
	for _, r := range keyRates {
		if scale := []float64{0, 0, .3, 1, 1, 3}[rng.IntN(6)]; scale > 0 {
			p.faults[r.fault] = r.rate * scale
		}
	}
	if p.keysLost {
		p.faults[keyLost] = 1
	}
}

func (p plan) String() string {
	var on []string
	for f, rate := range p.faults {
		on = append(on, fmt.Sprintf("%s %.3g", f, rate))
	}
	sort.Strings(on)
	return fmt.Sprintf("locks %v, processes %v, %d parties, clocks apart %v, secret %v, hooks %v, DPoP %v (nonces for %d s), device flow %v, automatic %v, grace %d s, lives %d s and %d s, retry window %d ms, an action each %d ms, ruin each %d ms; %s",
		p.locks, p.processes, p.slots, p.skewed, p.secret, p.hooks, p.dpop, p.nonceLife, p.device, p.auto, p.grace, p.accessLife, p.refreshLife, p.retryWindow, p.think, p.ruin, strings.Join(on, ", "))
}
