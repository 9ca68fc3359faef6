P=34568
taskset -c 0 iperf3 -s -1 -B 127.0.0.1 -p $P > /dev/null & SP=$!
sleep 0.3
taskset -c 0 ./gaps $P 64 100000 & G=$!
sleep 0.3
taskset -c 1 iperf3 -c 127.0.0.1 -p $P -u -l 64 -b $((64*8*100000)) -t ${T:-3} | tail -4
wait $G
