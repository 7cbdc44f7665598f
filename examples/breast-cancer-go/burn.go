package main

import (
	"runtime"
	"syscall"
	"time"
)

const rusageThread = 1 // RUSAGE_THREAD of Linux; package syscall does not name it

// burn uses so much CPU time: BURN_MS makes a heavy model out of this light one.
func burn(amount time.Duration) {
	if amount == 0 {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for until := threadTime() + amount; threadTime() < until; {
	}
}

// threadTime is the CPU time that this thread has used.
func threadTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &usage); err != nil {
		panic(err) // the only causes are a wrong constant and a wrong address
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
