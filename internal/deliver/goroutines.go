package deliver

// goroutines runs functions, on goroutines that stay: one that begins anew grows its stack three
// times over, which costs more than the twenty lines of a chunk do. There are as many as once ran
// side by side, until the instance ends.
type goroutines struct {
	idle chan func()
	end  <-chan struct{}
}

func newGoroutines(end <-chan struct{}) goroutines { return goroutines{make(chan func()), end} }

// run calls f, and does not wait for it.
func (g *goroutines) run(f func()) {
	select {
	case g.idle <- f:
	default:
		go g.work(f)
	}
}

func (g *goroutines) work(f func()) {
	for {
		f()
		select {
		case f = <-g.idle:
		case <-g.end:
			return
		}
	}
}
