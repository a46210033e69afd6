// Publishes to Kafka with franz-go as the benches of glmsg do: bodies of 256 bytes, a topic of four
// partitions, idempotent, acks from all replicas, no linger, no compression.
//
// Each cell is measured twice: with bodies alone, as the raw twins of the benches have them, and with
// headers of the size of those that a message of glmsg has.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	rounds  = 5
	lasting = time.Second
	warm    = 100
)

// A number of publishers, and how many records each publishes in a call.
type cell struct{ publishers, batch int }

var cells = []cell{{1, 1}, {50, 1}, {1000, 1}, {1, 100}, {4, 100}}

var headers = []kgo.RecordHeader{
	{Key: "gm-id", Value: make([]byte, 36)},
	{Key: "gm-created", Value: make([]byte, 16)},
	{Key: "gm-provenance", Value: make([]byte, 71)},
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . HOST:PORT")
	}
	fmt.Println("medians of", rounds, "rounds (least to greatest), and processor time of this process for a record")
	for _, cell := range cells {
		for _, with := range []struct {
			name    string
			headers []kgo.RecordHeader
		}{{"bodies alone", nil}, {"with headers", headers}} {
			rates, costs := make([]float64, rounds), make([]float64, rounds)
			for round := range rounds {
				var err error
				rates[round], costs[round], err = measure(os.Args[1], cell, with.headers)
				if err != nil {
					log.Fatal(err)
				}
			}
			sort.Float64s(rates)
			sort.Float64s(costs)
			fmt.Printf("%4d publishers by %3d, %s: %6.1f k/s (%.1f to %.1f), %.2f µs\n",
				cell.publishers, cell.batch, with.name,
				rates[rounds/2]/1000, rates[0]/1000, rates[rounds-1]/1000, costs[rounds/2])
		}
	}
}

// Thousands of records a second, and microseconds of processor time for each.
func measure(server string, cell cell, headers []kgo.RecordHeader) (rate, cost float64, err error) {
	ctx := context.Background()
	topic := fmt.Sprintf("franz-go-%d", time.Now().UnixNano())
	client, err := kgo.NewClient(
		kgo.SeedBrokers(server),
		kgo.DefaultProduceTopic(topic),
		kgo.ProducerLinger(0),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(100_000),
	)
	if err != nil {
		return 0, 0, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 4, 1, nil, topic); err != nil {
		return 0, 0, err
	}
	defer admin.DeleteTopics(ctx, topic)
	publish := func(batch int) error {
		records := make([]*kgo.Record, batch)
		for i := range records {
			records[i] = &kgo.Record{Value: make([]byte, 256), Headers: headers}
		}
		return client.ProduceSync(ctx, records...).FirstErr()
	}
	for range warm {
		if err := publish(1); err != nil {
			return 0, 0, err
		}
	}
	var published atomic.Int64
	var failed atomic.Value
	var all sync.WaitGroup
	used, begun := processorTime(), time.Now()
	for range cell.publishers {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Since(begun) < lasting {
				if err := publish(cell.batch); err != nil {
					failed.Store(err)
					return
				}
				published.Add(int64(cell.batch))
			}
		}()
	}
	all.Wait()
	if err, _ := failed.Load().(error); err != nil {
		return 0, 0, err
	}
	count := float64(published.Load())
	rate = count / time.Since(begun).Seconds()
	return rate, float64((processorTime() - used).Microseconds()) / count, nil
}

func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
