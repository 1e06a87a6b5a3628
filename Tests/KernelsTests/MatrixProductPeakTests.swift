import Kernels
import Testing

@Suite("The machine's matrix product peak")
struct MatrixProductPeakTests {
    @Test func timeOfOperationsAtThePeak() {
        let peak = MatrixProductPeak(float: 100, integer: 400, threadCount: 1)
        var operations = OperationCount(float: 50) + OperationCount(integer: 100)
        #expect(peak.seconds(for: operations) == 0.75)
        operations += OperationCount(float: 100)
        #expect(peak.seconds(for: operations * 2) == 3.5)
        #expect((operations * 2).total == 500)
        #expect(peak.seconds(for: OperationCount()) == 0)
        #expect(peak.seconds(for: OperationCount(wideInteger: 100) * 3) == 1.5, "half the rate")
    }

    @Test func theLargerRatesOfTwoMeasurements() {
        let one = MatrixProductPeak(float: 100, integer: 300, threadCount: 2)
        let other = MatrixProductPeak(float: 80, integer: 400, threadCount: 2)
        for larger in [one.larger(other), other.larger(one)] {
            #expect(larger.float == 100 && larger.integer == 400 && larger.threadCount == 2)
        }
    }

    @Test(arguments: [1, 3]) func isMeasured(threads: Int) async {
        let peak = await MatrixProductPeak.measure(threads: threads, seconds: 0.01)
        #expect(peak.threadCount == threads)
        // A machine that can run these tests computes at least a billion operations a second.
        #expect(peak.float > 1e9 && peak.float.isFinite && peak.integer > 1e9 && peak.integer.isFinite)
    }
}
