// SPDX-License-Identifier: MIT
//
// gin's side of bench/http, as its documentation has it: a path variable, and ten readings bound, validated by tags and
// answered. Recovery only: no access log, no metrics, no limits, no timeout.
//
//	gin [PORT]    prints "listening on PORT"; 0, the default, lets the kernel choose
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
)

type reading struct {
	PatientID string `json:"patientId" binding:"required,max=64"`
	HeartRate int    `json:"heartRate" binding:"min=20,max=350"`
}

type request struct {
	DataList []reading `json:"dataList" binding:"required,max=100,dive"`
}

type result struct {
	PatientID string `json:"patientId"`
	Status    string `json:"status"`
}

func process(c *gin.Context) {
	var body request
	if err := c.ShouldBindJSON(&body); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": "malformed"})
		return
	}
	results := make([]result, len(body.DataList))
	for i, reading := range body.DataList {
		results[i] = result{reading.PatientID, "accepted"}
	}
	c.JSON(http.StatusOK, gin.H{"message": fmt.Sprintf("Processed %d data entries", len(results)), "results": results})
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
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(gin.Recovery())
	engine.GET("/ping", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"message": "pong"}) })
	engine.GET("/patients/:id", func(c *gin.Context) {
		c.JSON(http.StatusOK, struct {
			ID     string `json:"id"`
			Status string `json:"status"`
		}{c.Param("id"), "active"})
	})
	engine.POST("/data/process", process)
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, engine))
}
