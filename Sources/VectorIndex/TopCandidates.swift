/// A row that may be among the nearest: its score, and what breaks ties.
struct Candidate: Sendable {
    let score: Float
    let id: UInt64
    let segment: Int32
    let group: Int32
    let row: Int32

    /// The order of results: larger score, then smaller id, then position (ids repeat only if they collide).
    static func isBetter(_ left: Candidate, _ right: Candidate) -> Bool {
        if left.score != right.score { return left.score > right.score }
        if left.id != right.id { return left.id < right.id }
        return (left.segment, left.group, left.row) < (right.segment, right.group, right.row)
    }
}

/// The best K candidates seen so far: a binary heap with the worst of them on top.
///
/// Its content does not depend on the order of insertion, because `isBetter` orders all candidates.
struct TopCandidates: Sendable {
    private let capacity: Int
    private(set) var heap: [Candidate] = []

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Scores below this cannot enter any more.
    var threshold: Float { heap.count < capacity ? -.infinity : heap[0].score }

    mutating func insert(_ candidate: Candidate) {
        if heap.count < capacity {
            heap.append(candidate)
            var child = heap.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                guard Candidate.isBetter(heap[parent], heap[child]) else { break }
                heap.swapAt(parent, child)
                child = parent
            }
        } else if capacity > 0, Candidate.isBetter(candidate, heap[0]) {
            heap[0] = candidate
            sink()
        }
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var worst = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && Candidate.isBetter(heap[worst], heap[child]) {
                worst = child
            }
            if worst == parent { return }
            heap.swapAt(parent, worst)
            parent = worst
        }
    }
}
