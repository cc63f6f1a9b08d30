package operations

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const million = 1_000_000

// BenchmarkAlone is as in million_bench.cpp: each part alone in its process, with -test.benchtime=1x.
func BenchmarkAlone(b *testing.B) {
	for name, part := range map[string]func(*testing.B){"parked_million": parkAMillion, "million_contexts": aMillionChildren} {
		b.Run(name, func(b *testing.B) {
			if b.N != 1 {
				b.Fatal("only once: what has been there before makes the next million cheaper")
			}
			part(b)
		})
	}
}

func parkAMillion(b *testing.B) {
	gate := make(chan int)
	var arriving, leaving sync.WaitGroup
	arriving.Add(million)
	leaving.Add(million)

	residentBefore, pageTablesBefore := residentBytes(), pageTableBytes()
	start, used := time.Now(), processorTime()
	for i := 0; i < million; i++ {
		go func() {
			arriving.Done()
			<-gate
			leaving.Done()
		}()
	}
	arriving.Wait()
	reportEach(b, "create", start, used)
	b.ReportMetric(float64(residentBytes()-residentBefore)/million, "resident_bytes")
	b.ReportMetric(float64(pageTableBytes()-pageTablesBefore)/million, "page_table_bytes")
	b.ReportMetric(float64(countMappings()), "mappings")

	start, used = time.Now(), processorTime()
	close(gate)
	leaving.Wait()
	reportEach(b, "finish", start, used)
}

// Their own cancel functions are called too, at the end, as one has to; what is left then is the garbage collector's.
func aMillionChildren(b *testing.B) {
	parent, cancel := context.WithCancel(context.Background())
	children, cancels := make([]context.Context, million), make([]context.CancelFunc, million)
	residentBefore := residentBytes()
	start, used := time.Now(), processorTime()
	for i := range children {
		children[i], cancels[i] = context.WithCancel(parent)
	}
	reportEach(b, "create", start, used)
	b.ReportMetric(float64(residentBytes()-residentBefore)/million, "resident_bytes")

	start, used = time.Now(), processorTime()
	cancel()
	reportEach(b, "cancel", start, used)
	if children[million-1].Err() == nil {
		b.Fatal("wrong")
	}

	start, used = time.Now(), processorTime()
	for i := range cancels {
		cancels[i]()
	}
	children, cancels = nil, nil
	runtime.GC()
	reportEach(b, "end", start, used)
}

func reportEach(b *testing.B, what string, start time.Time, used time.Duration) {
	elapsed, used := time.Since(start), processorTime()-used
	b.ReportMetric(float64(elapsed.Nanoseconds())/million, what+"_ns")
	b.ReportMetric(float64(used.Nanoseconds())/million, what+"_cpu_ns")
}

func residentBytes() int {
	var all, resident int
	if _, err := fmt.Sscan(string(mustRead("/proc/self/statm")), &all, &resident); err != nil {
		panic(err)
	}
	return resident * os.Getpagesize()
}

func pageTableBytes() int {
	var kib int
	_, line, _ := strings.Cut(string(mustRead("/proc/self/status")), "VmPTE:")
	if _, err := fmt.Sscan(line, &kib); err != nil {
		panic(err)
	}
	return kib * 1024
}

func countMappings() int {
	return bytes.Count(mustRead("/proc/self/maps"), []byte("\n"))
}

func mustRead(name string) []byte {
	text, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return text
}
