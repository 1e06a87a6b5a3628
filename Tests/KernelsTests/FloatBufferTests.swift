import Kernels
import Testing

@Suite struct FloatBufferTests {
    /// Below and above the size from which memory is mapped.
    @Test(arguments: [0, 1, 1000, (1 << 20) + 3])
    func buffersStartZeroedAndHoldValues(count: Int) {
        let buffer = FloatBuffer(count: count)
        #expect(buffer.count == count && buffer.array.allSatisfy { $0 == 0 })
        guard count > 0 else { return }
        buffer[count - 1] = 3
        let copy = buffer.copy()
        buffer[count - 1] = 4
        #expect(copy[count - 1] == 3 && buffer[count - 1] == 4)
        buffer.withMutableSpan(of: count - 1..<count) { $0[0] = 5 }
        #expect(buffer.withSpan { $0[count - 1] } == 5)
    }

    @Test func aViewReadsAndKeepsItsOwner() {
        final class Owner: Sendable {
            let buffer = FloatBuffer([1, 2, 3, 4])
        }
        var view: FloatBuffer?
        weak var owner: Owner?
        do {
            let made = Owner()
            owner = made
            unsafe made.buffer.withUnsafePointer { unsafe view = FloatBuffer(viewing: $0 + 1, count: 2, of: made) }
        }
        #expect(view?.array == [2, 3] && view?.copy().array == [2, 3] && owner != nil)
        view = nil
        #expect(owner == nil)
    }

    @Test func writingFromAnyCollection() {
        let buffer = FloatBuffer(count: 5)
        buffer.write([1, 2], at: 1)
        buffer.write((1...2).lazy.map { Float($0 * 10) }, at: 3)
        #expect(buffer.array == [0, 1, 2, 10, 20])
    }

    @Test func regionsOverlapOnlyInOneBuffer() {
        let buffer = FloatBuffer(count: 10)
        let region = FloatRegion(buffer, offset: 2, count: 4)
        #expect(region.overlaps(FloatRegion(buffer, offset: 5, count: 1)))
        #expect(!region.overlaps(FloatRegion(buffer, offset: 6, count: 4)))
        #expect(!region.overlaps(FloatRegion(FloatBuffer(count: 10))))
        #expect(region.suffix(from: 1).offset == 3 && region.suffix(from: 1).count == 3)
    }
}
