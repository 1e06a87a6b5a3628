import Testing

@testable import Workflows

/// What `model import` prints.
@Suite struct ModelImportTests {
    @Test func manyNamesOfOneKindAreCounted() {
        let counters = (1...5).map { "visual.bn\($0).num_batches_tracked" }
        #expect(
            ModelImportWorkflow.byLastName(["text.positions"] + counters + ["visual.positions", "attn_mask"]) == [
                "attn_mask", "text.positions", "visual.positions",
                "visual.bn1.num_batches_tracked and 4 others of that last name",
            ])
    }
}
