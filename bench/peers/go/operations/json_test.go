package operations

import (
	"encoding/json"
	"fmt"
)

type reading struct {
	PatientID string `json:"patientId"`
	HeartRate int    `json:"heartRate"`
}

type batch struct {
	DataList []reading `json:"dataList"`
}

func tenReadings() (readings batch) {
	for i := 0; i < 10; i++ {
		readings.DataList = append(readings.DataList, reading{fmt.Sprintf("P%03d", i), 60 + i})
	}
	return
}

func jsonRead(calls int) {
	text, err := json.Marshal(tenReadings())
	if err != nil {
		panic(err)
	}
	for i := 0; i < calls; i++ {
		var readings batch
		if err := json.Unmarshal(text, &readings); err != nil || len(readings.DataList) != 10 {
			panic("not read")
		}
	}
}

func jsonWrite(calls int) {
	readings := tenReadings()
	for i := 0; i < calls; i++ {
		if _, err := json.Marshal(readings); err != nil {
			panic(err)
		}
	}
}
