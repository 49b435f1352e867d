"""FedShare: learning with what users share, and forgetting it. Pure torch, no Django.

After Qu et al., *Federated Learning and Unlearning for Recommendation with Personalized Data
Sharing*, arXiv 2603.11610 (2026); a reconstruction from its abstract and its relatives.
"""
