// The peer of hello, of rest_server and of epro's POST /data/process for bench/http: Go's net/http as one writes it with the standard
// library alone. No access log, no metrics, no trace ids, no limits, and nothing is stored.
//
//	http [PORT]    prints "listening on PORT"; 0, the default, lets the kernel choose
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
)

type ping struct {
	Message string `json:"message"`
}

type patient struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

type reading struct {
	PatientID string `json:"patientId"`
	HeartRate int    `json:"heartRate"`
}

type request struct {
	DataList []reading `json:"dataList"`
}

type result struct {
	PatientID string `json:"patientId"`
	Status    string `json:"status"`
}

type response struct {
	Message string   `json:"message"`
	Results []result `json:"results"`
}

type job struct {
	reading reading
	result  *result
	done    chan<- struct{}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// process hands each reading to one of the workers and waits for all: the article's pool of five.
func process(jobs chan<- job) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body request
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			answer(w, http.StatusBadRequest, ping{"malformed JSON"})
			return
		}
		results := make([]result, len(body.DataList))
		done := make(chan struct{}, len(results))
		for i, reading := range body.DataList {
			jobs <- job{reading, &results[i], done}
		}
		for range results {
			<-done
		}
		answer(w, http.StatusOK, response{fmt.Sprintf("Processed %d data entries", len(results)), results})
	}
}

func work(jobs <-chan job) {
	for job := range jobs {
		*job.result = result{job.reading.PatientID, "accepted"}
		job.done <- struct{}{}
	}
}

func main() {
	port := "0"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	jobs := make(chan job, 100)
	for worker := 0; worker < 5; worker++ {
		go work(jobs)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ping", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, ping{"pong"}) })
	mux.HandleFunc("/patients/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, patient{strings.TrimPrefix(r.URL.Path, "/patients/"), "active"})
	})
	mux.HandleFunc("/data/process", process(jobs))
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, mux))
}
