import TestSupport
import Testing
import Workflows

@Suite("Closeness of a precision")
struct PrecisionFidelityTests {
    private func unit(_ rows: [[Float]]) -> [Float] {
        rows.flatMap { row in
            let norm = row.map { $0 * $0 }.reduce(0, +).squareRoot()
            return row.map { $0 / norm }
        }
    }

    @Test func equalVectorsAreGood() {
        var random = TestRandom(seed: 1)
        let vectors = unit((0..<40).map { _ in random.values(8) })
        let fidelity = PrecisionFidelity(exact: vectors, fast: vectors, dimension: 8)
        #expect(fidelity.count == 40 && fidelity.agreement == 1 && fidelity.isGood)
        #expect(abs(fidelity.mean - 1) < 1e-6 && abs(fidelity.worst - 1) < 1e-6)
    }

    @Test func figuresByHand() {
        // Three directions; the second turns by 60 degrees, and so towards the third.
        let exact = unit([[1, 0], [0, 1], [-1, 0.1]])
        let fast = unit([[1, 0], [-0.866025, 0.5], [-1, 0.1]])
        let fidelity = PrecisionFidelity(exact: exact, fast: fast, dimension: 2)
        #expect(abs(fidelity.worst - 0.5) < 1e-6 && abs(fidelity.mean - 2.5 / 3) < 1e-6)
        #expect(fidelity.firstPercentile == fidelity.worst && !fidelity.isGood)
        // Of three vectors every one has both others as neighbours.
        #expect(fidelity.agreement == 1)
        #expect(fidelity.text.contains("0.83333") && fidelity.text.contains("over 3"))
    }

    @Test func neighboursThatChange() {
        // Fifteen on a circle: each has its ten nearest around it; shuffling the fast ones moves them.
        let angles = (0..<15).map { Float($0) * 0.4 }
        let exact = unit(angles.map { [cosine($0), cosine($0 - 1.5707963)] })
        let fast = unit(
            angles.indices.map { index in
                let angle = angles[index * 7 % 15]
                return [cosine(angle), cosine(angle - 1.5707963)]
            })
        let fidelity = PrecisionFidelity(exact: exact, fast: fast, dimension: 2)
        #expect(fidelity.agreement < 0.95 && fidelity.agreement > 0)
        #expect(!fidelity.isGood)
    }

    @Test func fewVectors() {
        #expect(PrecisionFidelity(exact: [], fast: [], dimension: 4).isGood)
        #expect(PrecisionFidelity(exact: [1, 0], fast: [1, 0], dimension: 2).agreement == 1)
    }

    private func cosine(_ x: Float) -> Float {
        var (sum, term): (Float, Float) = (1, 1)
        for step in 1..<14 {
            term *= -x * x / Float((2 * step - 1) * 2 * step)
            sum += term
        }
        return sum
    }
}
